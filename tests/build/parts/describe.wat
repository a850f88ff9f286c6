  (func (export "morag:step/step@VERSION#describe") (result i32) (call $descriptor))
