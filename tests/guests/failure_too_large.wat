;; Fails with a message and details of 1 MiB each.
  ;; include step
  (data (i32.const 2048) "TOO_LARGE")
  (func (export "morag:step/step@VERSION#run") (result i32)
    (drop (memory.grow (i32.const 16)))
    (memory.fill (i32.const 131072) (i32.const 120) (i32.const 1048576))
    (i32.store (i32.const 512) (i32.const 1))
    (call $put (i32.const 516) (i32.const 2048) (i32.const 9))
    (call $put (i32.const 524) (i32.const 131072) (i32.const 1048576))
    (call $put (i32.const 532) (i32.const 131072) (i32.const 1048576))
    (i32.store (i32.const 540) (i32.const 0))
    (i32.const 512))
