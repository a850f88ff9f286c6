;; Says that its data lies where it has no memory.
  ;; include step
  (func (export "morag:step/step@VERSION#run") (result i32)
    (drop (call $ok))
    (call $put (i32.const 516) (i32.const 0x7fff0000) (i32.const 100))
    (i32.const 512))
