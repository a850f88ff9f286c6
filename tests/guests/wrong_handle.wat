;; Reads from a file that it was given to write.
  (import "morag:step/task@VERSION" "create-artifact" (func $create (param i32 i32 i32)))
  (import "morag:step/task@VERSION" "[method]blob.read" (func $read (param i32 i64 i32 i32)))
  ;; include step
  (func (export "morag:step/step@VERSION#run") (result i32)
    (call $create (i32.const 1152) (i32.const 7) (i32.const 600))
    (call $read (i32.load (i32.const 604)) (i64.const 0) (i32.const 10) (i32.const 640))
    (call $ok))
