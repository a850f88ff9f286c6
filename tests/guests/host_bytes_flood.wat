;; Reads its document for ever, and does not mind errors.
  (import "morag:step/task@VERSION" "source" (func $source (result i32)))
  (import "morag:step/task@VERSION" "[method]blob.read" (func $read (param i32 i64 i32 i32)))
  ;; include step
  (func (export "morag:step/step@VERSION#run") (result i32)
    (local $blob i32)
    (local.set $blob (call $source))
    (loop $again
      (call $read (local.get $blob) (i64.const 0) (i32.const -1) (i32.const 600))
      (br $again))
    (unreachable))
