//! Small components that are expensive to compile. Generated, so that the repository contains none.

fn leb(mut value: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let low = (value & 0x7f) as u8;
        value >>= 7;
        if value == 0 {
            bytes.push(low);
            return bytes;
        }
        bytes.push(low | 0x80);
    }
}

fn section(id: u8, content: &[u8]) -> Vec<u8> {
    [vec![id], leb(content.len()), content.to_vec()].concat()
}

/// A component with one module of identical functions without parameters and results, with this code.
fn component(functions: usize, code: &[u8]) -> Vec<u8> {
    let body = [leb(code.len()), code.to_vec()].concat();
    let module = [
        b"\0asm\x01\0\0\0".to_vec(),
        section(1, &[1, 0x60, 0, 0]),
        section(3, &[leb(functions), vec![0; functions]].concat()),
        section(10, &[leb(functions), body.repeat(functions)].concat()),
    ]
    .concat();
    [b"\0asm\x0d\0\x01\0".to_vec(), section(1, &module)].concat()
}

/// `count` empty functions of 4 bytes each.
pub fn empty_functions(count: usize) -> Vec<u8> {
    component(count, &[0, 0x0b])
}

/// Functions whose variables are all live through all of their loops, so that the compiled form of each grows with the product
/// of `variables` and `loops`. The component passes every check that counts items.
pub fn slow_functions(functions: usize, variables: usize, loops: usize) -> Vec<u8> {
    const I32: u8 = 0x7f;
    let [block_loop, end, get, set, add, br_if, nothing] = [0x03, 0x0b, 0x20, 0x21, 0x6a, 0x0d, 0x40];
    let mut code = [vec![1], leb(variables), vec![I32]].concat();
    for index in 0..loops {
        // loop  (local.set (i + 1) (i32.add (local.get i) (local.get (i + 1))))  …  (br_if 0 (local.get i))  end
        code.extend([block_loop, nothing]);
        for offset in 0..4 {
            let (from, to) = ((index * 7 + offset) % variables, (index * 13 + offset * 5 + 1) % variables);
            code.push(get);
            code.extend(leb(from));
            code.push(get);
            code.extend(leb(to));
            code.push(add);
            code.push(set);
            code.extend(leb(to));
        }
        if index % 2 == 0 {
            continue;
        }
        // Closes the two nested loops.
        for _ in 0..2 {
            code.push(get);
            code.extend(leb(index % variables));
            code.extend([br_if, 0, end]);
        }
    }
    code.push(end);
    let mut made = component(functions, &code);
    // A custom section with random content: a new digest each time, so that no cache has the component.
    made.extend(section(0, &[b"\x01n".as_slice(), uuid::Uuid::new_v4().as_bytes()].concat()));
    made
}
