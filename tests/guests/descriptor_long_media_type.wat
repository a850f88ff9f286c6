;; Gives its output a media type of 40,000 bytes.
  ;; include memory
  ;; include descriptor
  (func (export "morag:step/step@VERSION#describe") (result i32)
    (drop (call $descriptor))
    (memory.fill (i32.const 4096) (i32.const 120) (i32.const 40000))
    (i32.store8 (i32.const 4100) (i32.const 47))
    (call $put (i32.const 328) (i32.const 4096) (i32.const 40000))
    (i32.const 256))
  (func (export "morag:step/step@VERSION#run") (result i32) (call $ok))
