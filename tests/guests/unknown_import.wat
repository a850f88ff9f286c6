;; Imports an interface that no host of ours has.
;; package evil:host@1.0.0 { interface door { open: func(); } }
  (import "evil:host/door@1.0.0" "open" (func $open))
  ;; include step
  (func (export "morag:step/step@VERSION#run") (result i32) (call $open) (call $ok))
