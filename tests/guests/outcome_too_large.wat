;; Says that its data are 40 MiB, more than the host copies for one call, and has the memory for it.
  ;; include step
  (func (export "morag:step/step@VERSION#run") (result i32)
    (drop (memory.grow (i32.const 700)))
    (drop (call $ok))
    (call $put (i32.const 516) (i32.const 131072) (i32.const 41943040))
    (i32.const 512))
