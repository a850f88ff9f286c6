;; Publishes a pattern under a key of its data, as if it were one file.
  ;; include memory
  ;; include descriptor
  (data (i32.const 2048) "out-*.txt")
  (data (i32.const 2112) "out_url")
  (func (export "morag:step/step@VERSION#describe") (result i32)
    (drop (call $descriptor))
    (call $put (i32.const 320) (i32.const 2048) (i32.const 9))
    (i32.store8 (i32.const 336) (i32.const 1))
    (call $put (i32.const 340) (i32.const 2112) (i32.const 7))
    (i32.const 256))
  (func (export "morag:step/step@VERSION#run") (result i32) (call $ok))
