//! Counts what a component has, before anything is compiled: one pass over the bytes that keeps nothing.
//!
//! The numbers beside the limits are those of the largest components that people build: redact in Python (componentize-py,
//! 18 MB) and in JavaScript (componentize-js, 12 MB), and `pdf_conversion`, the largest standard step (6 MB).

use super::error::CompileError;
use wasmparser::{Parser, Payload};

/// Functions, of all modules together: Python 13,376, JavaScript 12,703, conversion 4,310.
pub(crate) const FUNCTIONS_MAX: u64 = 100_000;

/// Bytes of code, of all modules together: Python 6.3 MiB, JavaScript 8.8 MiB, conversion 4.1 MiB.
pub(crate) const CODE_BYTES_MAX: u64 = 40 << 20;

/// Bytes of one function's code: Python 417 KiB, JavaScript 168 KiB, conversion 168 KiB. What a function costs to compile
/// grows faster than its size.
pub(crate) const FUNCTION_BYTES_MAX: u64 = 2 << 20;

/// Modules and components within each other, all together: Python 17.
pub(crate) const MODULES_MAX: u64 = 200;

/// Types, imports, aliases, instances, exports and the like, of all modules and components together: each becomes an entry or a
/// function of its own, without code that is counted: Python 12,538, JavaScript 10,473.
pub(crate) const ITEMS_MAX: u64 = 100_000;

/// What has been counted.
#[derive(Debug, Default)]
struct Census {
    functions: u64,
    code_bytes: u64,
    modules: u64,
    items: u64,
}

impl Census {
    fn check(&self) -> Result<(), CompileError> {
        for (what, found, allowed) in [
            ("functions", self.functions, FUNCTIONS_MAX),
            ("bytes of code", self.code_bytes, CODE_BYTES_MAX),
            ("modules and components", self.modules, MODULES_MAX),
            ("types, imports, exports, aliases and instances", self.items, ITEMS_MAX),
        ] {
            if found > allowed {
                return Err(CompileError::TooLarge { what, found, allowed });
            }
        }
        Ok(())
    }

    /// What is not compiled and becomes nothing of its own (texts, data, custom sections) is not counted: the file's size bounds it.
    fn count(&mut self, payload: &Payload<'_>) -> Result<(), CompileError> {
        match payload {
            Payload::Version { .. } => self.modules += 1,
            // What is said, and what is there: the bodies are counted too, but the number comes first.
            Payload::FunctionSection(section) => self.functions += u64::from(section.count()),
            Payload::CodeSectionStart { size, .. } => self.code_bytes += u64::from(*size),
            Payload::CodeSectionEntry(body) => {
                let found = body.range().len() as u64;
                if found > FUNCTION_BYTES_MAX {
                    let what = "bytes of code in one function";
                    return Err(CompileError::TooLarge { what, found, allowed: FUNCTION_BYTES_MAX });
                }
            }
            Payload::TypeSection(section) => self.items += u64::from(section.count()),
            Payload::ImportSection(section) => self.items += u64::from(section.count()),
            Payload::TableSection(section) => self.items += u64::from(section.count()),
            Payload::MemorySection(section) => self.items += u64::from(section.count()),
            Payload::TagSection(section) => self.items += u64::from(section.count()),
            Payload::GlobalSection(section) => self.items += u64::from(section.count()),
            Payload::ExportSection(section) => self.items += u64::from(section.count()),
            Payload::ElementSection(section) => self.items += u64::from(section.count()),
            Payload::DataSection(section) => self.items += u64::from(section.count()),
            Payload::InstanceSection(section) => self.items += u64::from(section.count()),
            Payload::CoreTypeSection(section) => self.items += u64::from(section.count()),
            Payload::ComponentInstanceSection(section) => self.items += u64::from(section.count()),
            Payload::ComponentAliasSection(section) => self.items += u64::from(section.count()),
            Payload::ComponentTypeSection(section) => self.items += u64::from(section.count()),
            Payload::ComponentCanonicalSection(section) => self.items += u64::from(section.count()),
            Payload::ComponentImportSection(section) => self.items += u64::from(section.count()),
            Payload::ComponentExportSection(section) => self.items += u64::from(section.count()),
            _ => {}
        }
        self.check()
    }
}

/// Refuses a component that has more than it may have of something, or that is damaged where that can be seen without compiling.
///
/// # Errors
/// The first limit that is passed, or what is damaged.
pub(crate) fn check(wasm: &[u8]) -> Result<(), CompileError> {
    let mut census = Census::default();
    for payload in Parser::new(0).parse_all(wasm) {
        let payload = payload.map_err(|error| CompileError::Invalid(error.to_string()))?;
        census.count(&payload)?;
    }
    Ok(())
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

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

    fn module(functions: usize, body: &[u8]) -> Vec<u8> {
        let body = [leb(body.len()), body.to_vec()].concat();
        [
            b"\0asm\x01\0\0\0".to_vec(),
            section(1, &[1, 0x60, 0, 0]),
            section(3, &[leb(functions), vec![0; functions]].concat()),
            section(10, &[leb(functions), body.repeat(functions)].concat()),
        ]
        .concat()
    }

    fn component(modules: &[Vec<u8>]) -> Vec<u8> {
        let modules = modules.iter().map(|module| section(1, module)).collect::<Vec<_>>().concat();
        [b"\0asm\x0d\0\x01\0".to_vec(), modules].concat()
    }

    /// A function that does nothing.
    const EMPTY: &[u8] = &[0, 0x0b];

    fn refused(wasm: &[u8]) -> (&'static str, u64) {
        match check(wasm).unwrap_err() {
            CompileError::TooLarge { what, found, .. } => (what, found),
            other => panic!("{other}"),
        }
    }

    #[test]
    fn functions_of_all_modules_are_counted_nested_ones_too() {
        let half = module(FUNCTIONS_MAX as usize / 2, EMPTY);
        assert_eq!(check(&component(&[half.clone(), half.clone()])), Ok(()));
        let one = module(1, EMPTY);
        assert_eq!(refused(&component(&[half.clone(), half.clone(), one.clone()])), ("functions", FUNCTIONS_MAX + 1));
        let within = [b"\0asm\x0d\0\x01\0".to_vec(), section(4, &component(&[half.clone(), one]))].concat();
        let nested = [within, section(1, &half)].concat();
        assert_eq!(refused(&nested), ("functions", FUNCTIONS_MAX + 1));
    }

    #[test]
    fn the_400_000_empty_functions_are_refused() {
        let wasm = component(&[module(400_000, EMPTY)]);
        assert!(wasm.len() < 2 << 20, "{}", wasm.len());
        assert_eq!(refused(&wasm), ("functions", 400_000));
    }

    #[test]
    fn code_and_a_single_function_are_measured() {
        let large = |bytes: usize| [vec![0], vec![0x01; bytes - 2], vec![0x0b]].concat();
        let bound = FUNCTION_BYTES_MAX as usize;
        assert_eq!(check(&component(&[module(1, &large(bound))])), Ok(()));
        assert_eq!(refused(&component(&[module(1, &large(bound + 1))])).0, "bytes of code in one function");
        let many = CODE_BYTES_MAX as usize / bound;
        assert_eq!(refused(&component(&[module(many, &large(bound))])).0, "bytes of code");
    }

    #[test]
    fn modules_and_items_are_counted() {
        let modules = vec![module(0, EMPTY); MODULES_MAX as usize];
        assert_eq!(refused(&component(&modules)), ("modules and components", MODULES_MAX + 1));
        let types = ITEMS_MAX as usize + 1;
        let content = [leb(types), [0x60, 0, 0].repeat(types)].concat();
        let module = [b"\0asm\x01\0\0\0".to_vec(), section(1, &content)].concat();
        assert_eq!(refused(&component(&[module])).1, ITEMS_MAX + 1);
    }

    #[test]
    fn what_is_cut_off_is_refused() {
        let whole = component(&[module(3, EMPTY)]);
        assert!(matches!(check(&whole[..whole.len() - 4]), Err(CompileError::Invalid(_))));
    }
}
