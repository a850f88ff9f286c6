;; Uses a handle that it has given back.
  (import "morag:step/task@VERSION" "source" (func $source (result i32)))
  (import "morag:step/task@VERSION" "[method]blob.size" (func $size (param i32) (result i64)))
  (import "morag:step/task@VERSION" "[resource-drop]blob" (func $drop (param i32)))
  ;; include step
  (func (export "morag:step/step@VERSION#run") (result i32)
    (local $blob i32)
    (local.set $blob (call $source))
    (call $drop (local.get $blob))
    (drop (call $size (local.get $blob)))
    (call $ok))
