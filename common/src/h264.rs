//! H.264 as a byte stream: NAL units, Annex B, access units, parameter sets, recovery points.

pub mod access_unit;
pub mod annex_b;
pub mod assembler;
pub mod bits;
pub mod grouper;
pub mod nal;
pub mod parameter_sets;
mod patience;
pub mod recovery_point;
pub mod sps;

pub use access_unit::AccessUnit;
pub use assembler::{AssembledUnit, Assembler, AssemblerStats};
pub use nal::NalHeader;
pub use parameter_sets::ParameterSets;
pub use recovery_point::RecoveryPoint;
pub use sps::PictureFormat;
