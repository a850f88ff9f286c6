;; Uses the store of keys without asking for it.
  (import "morag:step/kv@VERSION" "get" (func $get (param i32 i32 i32)))
  ;; include step
  (func (export "morag:step/step@VERSION#run") (result i32) (call $get (i32.const 1152) (i32.const 2) (i32.const 600)) (call $ok))
