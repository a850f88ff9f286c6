;; Writes for ever, and does not mind errors.
  (import "morag:step/task@VERSION" "create-artifact" (func $create (param i32 i32 i32)))
  (import "morag:step/task@VERSION" "[method]artifact-writer.write" (func $write (param i32 i32 i32 i32)))
  ;; include step
  (func (export "morag:step/step@VERSION#run") (result i32)
    (local $writer i32)
    (drop (memory.grow (i32.const 16)))
    (call $create (i32.const 1152) (i32.const 7) (i32.const 600))
    (local.set $writer (i32.load (i32.const 604)))
    (loop $again
      (call $write (local.get $writer) (i32.const 131072) (i32.const 1048576) (i32.const 600))
      (br $again))
    (unreachable))
