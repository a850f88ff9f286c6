;; Uses a task when there is none.
  (import "morag:step/task@VERSION" "source" (func $source (result i32)))
  ;; include memory
  ;; include descriptor
  (func (export "morag:step/step@VERSION#describe") (result i32) (drop (call $source)) (call $descriptor))
  (func (export "morag:step/step@VERSION#run") (result i32) (call $ok))
