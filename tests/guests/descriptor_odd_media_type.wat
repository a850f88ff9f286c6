;; Gives its output a media type with a header of its own behind it.
  ;; include memory
  ;; include descriptor
  (data (i32.const 2048) "text/plain\0d\0aset-cookie: a")
  (func (export "morag:step/step@VERSION#describe") (result i32)
    (drop (call $descriptor))
    (call $put (i32.const 328) (i32.const 2048) (i32.const 25))
    (i32.const 256))
  (func (export "morag:step/step@VERSION#run") (result i32) (call $ok))
