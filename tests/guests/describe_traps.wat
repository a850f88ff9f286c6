;; Crashes when it is asked what it is.
  ;; include memory
  ;; include descriptor
  (func (export "morag:step/step@VERSION#describe") (result i32) (unreachable))
  (func (export "morag:step/step@VERSION#run") (result i32) (call $ok))
