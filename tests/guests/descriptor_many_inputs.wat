;; Says truly that it reads 1000 artifacts.
  ;; include memory
  ;; include descriptor
  (func (export "morag:step/step@VERSION#describe") (result i32)
    (local $at i32)
    (drop (call $descriptor))
    (local.set $at (i32.const 4096))
    (loop $again
      (call $put (local.get $at) (i32.const 1152) (i32.const 7))
      (local.set $at (i32.add (local.get $at) (i32.const 12)))
      (br_if $again (i32.lt_u (local.get $at) (i32.const 16096))))
    (call $put (i32.const 280) (i32.const 4096) (i32.const 1000))
    (i32.const 256))
  (func (export "morag:step/step@VERSION#run") (result i32) (call $ok))
