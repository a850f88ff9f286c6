;; Returns 300 KiB of data that may have 256.
  ;; include step
  (func (export "morag:step/step@VERSION#run") (result i32)
    (drop (memory.grow (i32.const 8)))
    (memory.fill (i32.const 131072) (i32.const 32) (i32.const 307200))
    (drop (call $ok))
    (call $put (i32.const 516) (i32.const 131072) (i32.const 307200))
    (i32.const 512))
