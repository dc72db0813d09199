//! Problems of seal use requests that wait for the vendor.

use super::{Code, Problem};
use crate::{
    flow::form::ApplicationError,
    queue::FenceError,
    sealing::{append_uses::AppendError, end_use::FinishError, resolve::ResolveError, time_window::WindowError},
};

fn conflict(code: Code, detail: String) -> Problem {
    Problem::new(code, detail)
}

fn vendor_failed(detail: String) -> Problem {
    Problem::new(Code::VendorFailed, detail)
}

fn contact_missing(detail: String) -> Problem {
    Problem::new(Code::ContactMissing, detail)
}

impl From<AppendError> for Problem {
    fn from(error: AppendError) -> Self {
        let detail = error.to_string();
        match error {
            AppendError::Count => Self::field("count", detail),
            AppendError::NoSuchDevice(_) => Self::field("deviceNo", detail),
            AppendError::NothingToAppendTo => conflict(Code::NothingToAppendTo, detail),
            AppendError::MovedOn => conflict(Code::NotNow, detail),
            AppendError::ContactMissing => contact_missing(detail),
            AppendError::Vendor(error) => error.into(),
            AppendError::Unclear { .. } | AppendError::Unrecorded(_) => vendor_failed(detail),
            AppendError::Service(error) => error.into(),
            AppendError::Db(error) => error.into(),
        }
    }
}

impl From<FinishError> for Problem {
    fn from(error: FinishError) -> Self {
        let detail = error.to_string();
        match error {
            FinishError::NoSealUse => Self::not_found(),
            FinishError::NothingToEnd => conflict(Code::NothingToEnd, detail),
            FinishError::NoSuchDevice(_) => Self::field("deviceNo", detail),
            FinishError::ContactMissing => contact_missing(detail),
            FinishError::Vendor(error) => error.into(),
            FinishError::Service(error) => error.into(),
            FinishError::Fence(FenceError::Db(error)) | FinishError::Db(error) => error.into(),
            other @ FinishError::Fence(_) => Self::internal(&other),
        }
    }
}

impl From<WindowError> for Problem {
    fn from(error: WindowError) -> Self {
        let detail = error.to_string();
        match error {
            WindowError::NoEnd | WindowError::EndsBeforeItBegins | WindowError::EndIsPast => Self::field("end", detail),
            WindowError::NoSuchSeal(_) => Self::field("deviceNo", detail),
            WindowError::NothingOpen => conflict(Code::NothingOpen, detail),
            WindowError::Vendor(error) => error.into(),
            WindowError::Unclear(_) => vendor_failed(detail),
            WindowError::Service(error) => error.into(),
            WindowError::Db(error) => error.into(),
        }
    }
}

impl From<ResolveError> for Problem {
    fn from(error: ResolveError) -> Self {
        let detail = error.to_string();
        match error {
            ResolveError::NotFound => Self::not_found(),
            ResolveError::NoBusinessId => Self::field("businessId", detail),
            ResolveError::NothingToResolve(_) => conflict(Code::NothingToResolve, detail),
            ResolveError::Ending => conflict(Code::SealUseEnding, detail),
            ResolveError::NoEnding => conflict(Code::NoEnding, detail),
            ResolveError::OtherSerialNumber { .. } => conflict(Code::OtherSerialNo, detail),
            ResolveError::Taken(_) => conflict(Code::BusinessTaken, detail),
            ResolveError::Form(ApplicationError::Invalid(errors)) => Self::invalid(errors),
            ResolveError::Form(ApplicationError::ContactMissing) => contact_missing(detail),
            ResolveError::Vendor(error) => error.into(),
            ResolveError::Service(error) => error.into(),
            ResolveError::Db(error) => error.into(),
        }
    }
}
