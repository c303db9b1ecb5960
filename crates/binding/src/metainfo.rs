//! `_core.scan_metainfo` and `_core.rewrite_metainfo`: the scanner of .torrent files for Python.

use largesse_metainfo::{File, Limits, Metainfo, Problem, Report};
use pyo3::exceptions::{PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict};

type PyProblem = (&'static str, usize, String);
type PyScan<'py> = (Option<Bound<'py, PyDict>>, Vec<PyProblem>, Vec<PyProblem>);
/// Path, size, root, whether executable, symlink, and the path's bytes where they are not UTF-8.
type PyFile<'f> = (&'f str, u64, Option<&'f [u8]>, bool, Option<&'f str>, Option<&'f [u8]>);

/// Scans a .torrent file without the GIL; returns `(metainfo or None, warnings, refusals)` as plain values.
#[pyfunction]
pub(crate) fn scan_metainfo<'py>(
    py: Python<'py>,
    data: &Bound<'py, PyBytes>,
    size_bytes: usize,
) -> PyResult<PyScan<'py>> {
    let bytes = data.as_bytes();
    let limits = Limits { size_bytes, ..Limits::default() };
    let report: Report = py.detach(|| guarded(|| largesse_metainfo::scan(bytes, &limits)))?;
    let metainfo = report.metainfo.as_ref().map(|metainfo| dictionary(py, metainfo)).transpose()?;
    Ok((metainfo, problems(report.warnings), problems(report.refusals)))
}

/// Returns the torrent with other announce URLs (and web seeds, unless None); `info` keeps its very bytes.
#[pyfunction]
#[allow(clippy::needless_pass_by_value)] // PyO3 converts lists into owned values.
pub(crate) fn rewrite_metainfo<'py>(
    py: Python<'py>,
    data: &Bound<'py, PyBytes>,
    announce: Vec<Vec<String>>,
    web_seeds: Option<Vec<String>>,
    size_bytes: usize,
) -> PyResult<Bound<'py, PyBytes>> {
    let bytes = data.as_bytes();
    let limits = Limits { size_bytes, ..Limits::default() };
    let rewritten = py
        .detach(|| guarded(|| largesse_metainfo::rewrite(bytes, &announce, web_seeds.as_deref(), &limits)))?
        .map_err(|_| PyValueError::new_err("not a bencoded dictionary"))?;
    Ok(PyBytes::new(py, &rewritten))
}

/// Runs the parser so that a defect in it ends one call with an ordinary `RuntimeError`. The `PanicException` of `PyO3` is not an
/// `Exception` and would end the worker that reads the file.
fn guarded<T>(work: impl FnOnce() -> T) -> PyResult<T> {
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(work)).map_err(|_| {
        PyRuntimeError::new_err("the scanner of .torrent files failed; this is a defect of Largesse")
    })
}

fn problems(problems: Vec<Problem>) -> Vec<PyProblem> {
    problems.into_iter().map(|problem| (problem.code.as_str(), problem.offset, problem.message)).collect()
}

fn dictionary<'py>(py: Python<'py>, metainfo: &Metainfo) -> PyResult<Bound<'py, PyDict>> {
    let out = PyDict::new(py);
    out.set_item("name", &metainfo.name)?;
    out.set_item("v1", metainfo.v1.as_ref().map(|hash| PyBytes::new(py, hash)))?;
    out.set_item("v2", metainfo.v2.as_ref().map(|hash| PyBytes::new(py, hash)))?;
    out.set_item("info_span", (metainfo.info_span.start, metainfo.info_span.end))?;
    out.set_item("piece_length_bytes", metainfo.piece_length_bytes)?;
    out.set_item("size_bytes", metainfo.size_bytes)?;
    out.set_item("files", metainfo.files.iter().map(file).collect::<Vec<PyFile<'_>>>())?;
    out.set_item("is_private", metainfo.is_private)?;
    out.set_item("announce", &metainfo.announce)?;
    out.set_item("web_seeds", &metainfo.web_seeds)?;
    out.set_item("comment", &metainfo.comment)?;
    out.set_item("created_by", &metainfo.created_by)?;
    out.set_item("creation_date", metainfo.creation_date)?;
    out.set_item("source", &metainfo.source)?;
    let similar: Vec<_> = metainfo.similar.iter().map(|hash| PyBytes::new(py, hash)).collect();
    out.set_item("similar", similar)?;
    out.set_item("collections", &metainfo.collections)?;
    out.set_item("update_url", &metainfo.update_url)?;
    Ok(out)
}

fn file(file: &File) -> PyFile<'_> {
    let root = file.pieces_root.as_ref().map(<[u8; 32]>::as_slice);
    (
        &file.path,
        file.size_bytes,
        root,
        file.is_executable,
        file.symlink.as_deref(),
        file.path_bytes.as_deref(),
    )
}
