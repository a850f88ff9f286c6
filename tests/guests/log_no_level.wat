;; Logs at a level that there is not.
  (import "morag:step/log@VERSION" "log" (func $log (param i32 i32 i32)))
  ;; include step
  (func (export "morag:step/step@VERSION#run") (result i32) (call $log (i32.const 99) (i32.const 1024) (i32.const 4)) (call $ok))
