;; Lets a table grow for ever, and does not mind being refused.
  ;; include step
  (table $table 1 funcref)
  (func (export "morag:step/step@VERSION#run") (result i32)
    (loop $again
      (drop (table.grow $table (ref.null func) (i32.const 10000)))
      (br $again))
    (unreachable))
