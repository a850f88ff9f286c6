;; Says that it reads 300 million artifacts.
  ;; include memory
  ;; include descriptor
  (func (export "morag:step/step@VERSION#describe") (result i32)
    (drop (call $descriptor))
    (call $put (i32.const 280) (i32.const 0) (i32.const 300000000))
    (i32.const 256))
  (func (export "morag:step/step@VERSION#run") (result i32) (call $ok))
