;; Publishes its output under a key of 100,000 bytes, beyond the limit of its data.
  ;; include memory
  ;; include descriptor
  (func (export "morag:step/step@VERSION#describe") (result i32)
    (drop (call $descriptor))
    (memory.fill (i32.const 4096) (i32.const 120) (i32.const 100000))
    (i32.store8 (i32.const 336) (i32.const 1))
    (call $put (i32.const 340) (i32.const 4096) (i32.const 100000))
    (i32.const 256))
  (func (export "morag:step/step@VERSION#run") (result i32) (call $ok))
