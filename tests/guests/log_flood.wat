;; Logs 5000 lines of 1000 bytes, then ends well.
  (import "morag:step/log@VERSION" "log" (func $log (param i32 i32 i32)))
  ;; include step
  (func (export "morag:step/step@VERSION#run") (result i32)
    (local $line i32)
    (memory.fill (i32.const 4096) (i32.const 120) (i32.const 1000))
    (loop $again
      (call $log (i32.const 2) (i32.const 4096) (i32.const 1000))
      (local.set $line (i32.add (local.get $line) (i32.const 1)))
      (br_if $again (i32.lt_u (local.get $line) (i32.const 5000))))
    (call $ok))
