;; Returns, and then does not let the host have done with it.
  ;; include step
  (func (export "morag:step/step@VERSION#run") (result i32) (call $ok))
  (func (export "cabi_post_morag:step/step@VERSION#run") (param i32) (loop $again (br $again)))
