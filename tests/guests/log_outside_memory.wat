;; Logs a line of 4 GiB.
  (import "morag:step/log@VERSION" "log" (func $log (param i32 i32 i32)))
  ;; include step
  (func (export "morag:step/step@VERSION#run") (result i32) (call $log (i32.const 2) (i32.const 1024) (i32.const -1)) (call $ok))
