;; Is built for a version of the interface that is another interface.
;; version 2.0.0
  (import "morag:step/task@VERSION" "elapsed-ms" (func $elapsed (result i64)))
  ;; include step
  (func (export "morag:step/step@VERSION#run") (result i32) (drop (call $elapsed)) (call $ok))
