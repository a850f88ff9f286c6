;; Asks for the graph, and uses it.
  (import "morag:step/graph@VERSION" "put-nodes" (func $put_nodes (param i32 i32 i32)))
  ;; include memory
  ;; include descriptor
  (data (i32.const 2048) "graph")
  (func (export "morag:step/step@VERSION#describe") (result i32)
    (drop (call $descriptor))
    (call $put (i32.const 2064) (i32.const 2048) (i32.const 5))
    (call $put (i32.const 296) (i32.const 2064) (i32.const 1))
    (i32.const 256))
  (func (export "morag:step/step@VERSION#run") (result i32) (call $put_nodes (i32.const 0) (i32.const 0) (i32.const 600)) (call $ok))
