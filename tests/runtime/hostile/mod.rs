//! Every guest program of `tests/guests` with its test.
//!
//! The build script lists the programs, and each becomes a test here, which calls the function with the guest's name in one of the modules
//! below. A program without a function does not compile.

mod describing;
mod flooding;
mod handles;
mod importing;
pub mod lab;
mod looping;
mod lying;
mod naming;
mod well_behaved;

use describing::*;
use flooding::*;
use handles::*;
use importing::*;
use looping::*;
use lying::*;
use naming::*;
use well_behaved::*;

include!(concat!(env!("OUT_DIR"), "/each_guest.rs"));

macro_rules! test {
    ($name:ident) => {
        mod $name {
            #[tokio::test(flavor = "multi_thread")]
            async fn ends_as_it_should() {
                super::$name().await;
            }
        }
    };
}

each_guest!(test);
