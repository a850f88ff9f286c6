;; Is in the middle of an artifact, reports progress, and never returns: a cancelled task has to get rid of it.
  (import "morag:step/task@VERSION" "create-artifact" (func $create (param i32 i32 i32)))
  (import "morag:step/task@VERSION" "[method]artifact-writer.write" (func $write (param i32 i32 i32 i32)))
  (import "morag:step/task@VERSION" "report-progress" (func $progress (param f64 i32 i32)))
  ;; include step
  (func (export "morag:step/step@VERSION#run") (result i32)
    (call $create (i32.const 1152) (i32.const 7) (i32.const 600))
    (call $write (i32.load (i32.const 604)) (i32.const 1104) (i32.const 20) (i32.const 640))
    (call $progress (f64.const 0.5) (i32.const 1104) (i32.const 20))
    (loop $again (br $again))
    (unreachable))
