;; Returns data that are not UTF-8.
  ;; include step
  (data (i32.const 2048) "\ff\fe\00\d8")
  (func (export "morag:step/step@VERSION#run") (result i32)
    (drop (call $ok))
    (call $put (i32.const 516) (i32.const 2048) (i32.const 4))
    (i32.const 512))
