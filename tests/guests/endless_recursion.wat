;; Calls itself until there is no stack.
  ;; include step
  (func $deeper (param i32) (result i32)
    (i32.add (call $deeper (i32.add (local.get 0) (i32.const 1))) (local.get 0)))
  (func (export "morag:step/step@VERSION#run") (result i32) (drop (call $deeper (i32.const 0))) (call $ok))
