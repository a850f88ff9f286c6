;; Writes 48 MiB in one call, which may carry 1, and has the memory for it.
  (import "morag:step/task@VERSION" "create-artifact" (func $create (param i32 i32 i32)))
  (import "morag:step/task@VERSION" "[method]artifact-writer.write" (func $write (param i32 i32 i32 i32)))
  ;; include step
  (func (export "morag:step/step@VERSION#run") (result i32)
    (drop (memory.grow (i32.const 800)))
    (call $create (i32.const 1152) (i32.const 7) (i32.const 600))
    (call $write (i32.load (i32.const 604)) (i32.const 131072) (i32.const 50331648) (i32.const 640))
    (call $ok))
