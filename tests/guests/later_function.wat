;; Is built for a later version of the interface and uses a function that came with it.
;; version 1.999.0
;; task has format-disk: func() -> u64;
  (import "morag:step/task@VERSION" "format-disk" (func $format (result i64)))
  ;; include step
  (func (export "morag:step/step@VERSION#run") (result i32) (drop (call $format)) (call $ok))
