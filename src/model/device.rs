//! Where networks run: the processor, or a CUDA device when a CUDA build of libtorch is at hand.
//!
//! The program is linked with the processor half of libtorch only (0.5 GB instead of 3). The CUDA
//! half of an installed PyTorch registers itself with libtorch when it is loaded; libtorch asks the
//! registry once and remembers the answer, so loading must come before the first CUDA question.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use tch::{Device, Kind, Tensor};

use crate::error::{Error, Result};
use crate::progress;

/// The libtorch that tch 0.24 is written for; `tools/fetch-libtorch.py` pins the same.
const LIBTORCH_VERSION: &str = "2.11.0";

/// Names the folder (`…/torch/lib`) that holds the CUDA half of libtorch.
const FOLDER_VARIABLE: &str = "TEMBLOR_TORCH_LIB";

const CUDA_LIBRARY: &str = "libtorch_cuda.so";
const CPU_LIBRARY: &str = "libtorch_cpu.so";

/// What the user asked for with `--device`.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    clap::ValueEnum,
    serde::Serialize,
    serde::Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum DeviceChoice {
    /// The processor.
    #[default]
    Cpu,
    /// A CUDA device, or an error that says why there is none.
    Cuda,
    /// A CUDA device where there is one, else the processor, saying why.
    Auto,
}

impl DeviceChoice {
    /// The device to compute on. Call before anything else asks libtorch about CUDA.
    ///
    /// # Errors
    /// [`Error::Usage`] with one line saying why, if CUDA was demanded and cannot be used.
    pub fn resolve(self) -> Result<Device> {
        if self == Self::Cpu {
            return Ok(Device::Cpu);
        }
        static CUDA: OnceLock<Result<(), String>> = OnceLock::new();
        match (CUDA.get_or_init(find_cuda), self) {
            (Ok(()), _) => Ok(Device::Cuda(0)),
            (Err(reason), Self::Auto) => {
                progress::note(format_args!("computing on the processor: no CUDA, {reason}"));
                Ok(Device::Cpu)
            }
            (Err(reason), _) => Err(Error::usage(format!("--device cuda: {reason}"))),
        }
    }
}

/// The device in a word, for a run folder: `cpu`, `cuda:0`.
pub fn device_name(device: Device) -> String {
    match device {
        Device::Cuda(number) => format!("cuda:{number}"),
        other => format!("{other:?}").to_lowercase(),
    }
}

/// Loads the CUDA half of libtorch and tries one small tensor on the device.
fn find_cuda() -> Result<(), String> {
    if loaded_library(CUDA_LIBRARY).is_none() {
        let folder = cuda_folder()?;
        check_same_build(&folder, loaded_library(CPU_LIBRARY).as_deref())?;
        load_and_keep(&folder.join(CUDA_LIBRARY))?;
    }
    match Tensor::f_zeros([1], (Kind::Float, Device::Cuda(0))) {
        Ok(_) => Ok(()),
        Err(error) => Err(Error::from(error).to_string()),
    }
}

/// The folder that holds the CUDA library: named by the user, beside the linked libtorch, or in
/// the PyTorch of the `python3` on the path.
fn cuda_folder() -> Result<PathBuf, String> {
    if let Some(named) = std::env::var_os(FOLDER_VARIABLE).filter(|v| !v.is_empty()) {
        let folder = PathBuf::from(named);
        return if folder.join(CUDA_LIBRARY).is_file() {
            Ok(folder)
        } else {
            Err(format!("{FOLDER_VARIABLE}={} holds no {CUDA_LIBRARY}", folder.display()))
        };
    }
    let beside_linked = loaded_library(CPU_LIBRARY).and_then(|p| p.parent().map(Path::to_path_buf));
    let named = std::env::var_os("LIBTORCH").map(|root| PathBuf::from(root).join("lib"));
    [named, beside_linked]
        .into_iter()
        .flatten()
        .chain(python_torch_folder())
        .find(|folder| folder.join(CUDA_LIBRARY).is_file())
        .ok_or_else(|| {
            format!(
                "no {CUDA_LIBRARY} was found in $LIBTORCH/lib or in python3's torch; install \
                 torch {LIBTORCH_VERSION} with CUDA and set {FOLDER_VARIABLE} to its torch/lib folder"
            )
        })
}

/// Asks python3 where its torch lies, without importing it (that takes seconds).
fn python_torch_folder() -> Option<PathBuf> {
    let question = "import importlib.util as u; print(u.find_spec('torch').origin)";
    let answer = std::process::Command::new("python3").args(["-c", question]).output().ok()?;
    let file = PathBuf::from(String::from_utf8(answer.stdout).ok()?.trim());
    file.parent().map(|package| package.join("lib")).filter(|folder| folder.is_dir())
}

/// The two halves call each other's internals, so they must come from one build: same version,
/// and beside the CUDA half the very `libtorch_cpu.so` that is `linked` here.
fn check_same_build(folder: &Path, linked: Option<&Path>) -> Result<(), String> {
    let version = std::fs::read_to_string(folder.join("../version.py"))
        .ok()
        .and_then(|text| python_version(&text))
        .or_else(|| std::fs::read_to_string(folder.join("../build-version")).ok());
    if let Some(version) = version.as_deref().map(str::trim)
        && version.split('+').next() != Some(LIBTORCH_VERSION)
    {
        return Err(format!(
            "{} is version {version}, this program is linked with {LIBTORCH_VERSION}",
            folder.display()
        ));
    }
    let Some(linked) = linked else { return Ok(()) };
    let beside = folder.join(CPU_LIBRARY);
    match same_library(&beside, linked) {
        Ok(true) => Ok(()),
        Ok(false) => Err(format!(
            "{} and the linked {} come from different builds",
            beside.display(),
            linked.display()
        )),
        Err(error) => Err(format!("{}: {error}", beside.display())),
    }
}

/// `__version__ = '2.11.0+cu130'` of a torch/version.py.
fn python_version(text: &str) -> Option<String> {
    let line = text.lines().find(|line| line.starts_with("__version__"))?;
    line.split(['\'', '"']).nth(1).map(str::to_string)
}

/// Whether two libraries are one build: equal length and equal first four mebibytes, which hold
/// the symbol tables with the addresses of the whole library.
fn same_library(a: &Path, b: &Path) -> std::io::Result<bool> {
    use std::io::Read;
    let head = |path: &Path| -> std::io::Result<(u64, Vec<u8>)> {
        let file = std::fs::File::open(path)?;
        let length = file.metadata()?.len();
        let mut bytes = Vec::new();
        file.take(4 << 20).read_to_end(&mut bytes)?;
        Ok((length, bytes))
    };
    Ok(head(a)? == head(b)?)
}

/// The file from which this process has mapped the library `name`, if it has.
fn loaded_library(name: &str) -> Option<PathBuf> {
    let maps = std::fs::read_to_string("/proc/self/maps").ok()?;
    let line = maps.lines().find(|line| line.ends_with(&format!("/{name}")))?;
    line.find('/').map(|at| PathBuf::from(&line[at..]))
}

/// Loads a library for the rest of the process, its symbols visible to libraries loaded later.
#[cfg(unix)]
#[allow(
    unsafe_code,
    reason = "loading a library runs its constructors, here the registration that CUDA needs; \
              the file is checked to be of the very build that is linked, and is never unloaded, \
              so that nothing it registered can dangle"
)]
fn load_and_keep(path: &Path) -> Result<(), String> {
    use libloading::os::unix::{Library, RTLD_GLOBAL, RTLD_NOW};
    // SAFETY: the constructors of this build are those that PyTorch itself runs on import, and
    // they expect the libtorch_cpu.so that is already mapped.
    let library = unsafe { Library::open(Some(path), RTLD_NOW | RTLD_GLOBAL) };
    match library {
        Ok(library) => {
            std::mem::forget(library);
            Ok(())
        }
        Err(error) => Err(format!("{} cannot be loaded: {error}", path.display())),
    }
}

#[cfg(not(unix))]
fn load_and_keep(_path: &Path) -> Result<(), String> {
    Err("CUDA is supported on Linux only".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_processor_needs_no_question() {
        assert_eq!(DeviceChoice::Cpu.resolve().unwrap(), Device::Cpu);
        assert_eq!(DeviceChoice::default(), DeviceChoice::Cpu);
        assert_eq!(device_name(Device::Cpu), "cpu");
        assert_eq!(device_name(Device::Cuda(1)), "cuda:1");
    }

    #[test]
    fn a_demand_for_cuda_works_or_says_why_in_one_line() {
        match DeviceChoice::Cuda.resolve() {
            Ok(device) => assert_eq!(device, Device::Cuda(0)),
            Err(error) => {
                let text = error.to_string();
                assert!(text.starts_with("--device cuda: "), "{text}");
                assert_eq!(text.lines().count(), 1, "{text}");
                assert_eq!(error.exit_code(), 2);
                assert_eq!(DeviceChoice::Auto.resolve().unwrap(), Device::Cpu);
            }
        }
    }

    #[test]
    fn another_version_is_refused_by_both_numbers() {
        let torch = tempfile::tempdir().unwrap();
        let folder = torch.path().join("lib");
        std::fs::create_dir(&folder).unwrap();
        std::fs::write(torch.path().join("version.py"), "__version__ = '2.13.0+cu130'\n").unwrap();
        let reason = check_same_build(&folder, None).unwrap_err();
        assert!(reason.contains("2.13.0+cu130") && reason.contains("2.11.0"), "{reason}");
    }

    #[test]
    fn the_same_version_of_another_build_is_refused() {
        let torch = tempfile::tempdir().unwrap();
        let folder = torch.path().join("lib");
        std::fs::create_dir(&folder).unwrap();
        std::fs::write(torch.path().join("version.py"), "__version__ = '2.11.0+cu130'\n").unwrap();
        std::fs::write(folder.join(CPU_LIBRARY), b"another build").unwrap();
        let linked = torch.path().join("linked.so");
        std::fs::write(&linked, b"this one here").unwrap();
        let reason = check_same_build(&folder, Some(&linked)).unwrap_err();
        assert!(reason.contains("different builds"), "{reason}");
        std::fs::write(&linked, b"another build").unwrap();
        assert_eq!(check_same_build(&folder, Some(&linked)), Ok(()));
    }

    #[test]
    fn the_linked_library_is_found_in_the_process() {
        // A first tensor makes sure that libtorch is in use and mapped.
        assert_eq!(Tensor::zeros([1], (Kind::Float, Device::Cpu)).numel(), 1);
        if cfg!(target_os = "linux") {
            assert!(loaded_library(CPU_LIBRARY).is_some_and(|path| path.is_file()));
        }
        assert!(loaded_library("libnothing.so").is_none());
    }
}
