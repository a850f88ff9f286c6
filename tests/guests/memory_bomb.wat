;; Takes all the memory there is, writes to it, and does not mind being refused.
  ;; include step
  (func (export "morag:step/step@VERSION#run") (result i32)
    (local $page i32)
    (loop $again
      (local.set $page (memory.grow (i32.const 16)))
      (if (i32.ne (local.get $page) (i32.const -1)) (then
        (memory.fill (i32.mul (local.get $page) (i32.const 65536)) (i32.const 1) (i32.const 1048576))))
      (br $again))
    (unreachable))
