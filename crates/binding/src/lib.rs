//! The Python binding `largesse._core`: convert, release the GIL, map errors.

mod metainfo;
mod swarms;
mod tracker;

use pyo3::prelude::*;

#[pymodule]
fn _core(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add("__version__", env!("CARGO_PKG_VERSION"))?;
    module.add_function(wrap_pyfunction!(metainfo::scan_metainfo, module)?)?;
    module.add_function(wrap_pyfunction!(metainfo::rewrite_metainfo, module)?)?;
    module.add_class::<swarms::PySwarms>()?;
    module.add_class::<tracker::PyTracker>()
}
