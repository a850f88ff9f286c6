;; Declares an artifact outside its task's folder.
  ;; include memory
  ;; include descriptor
  (data (i32.const 2048) "../out.txt")
  (func (export "morag:step/step@VERSION#describe") (result i32)
    (drop (call $descriptor))
    (call $put (i32.const 320) (i32.const 2048) (i32.const 10))
    (i32.const 256))
  (func (export "morag:step/step@VERSION#run") (result i32) (call $ok))
