;; Says that its name lies where it has no memory.
  ;; include memory
  ;; include descriptor
  (func (export "morag:step/step@VERSION#describe") (result i32)
    (drop (call $descriptor))
    (call $put (i32.const 256) (i32.const 1024) (i32.const -1))
    (i32.const 256))
  (func (export "morag:step/step@VERSION#run") (result i32) (call $ok))
