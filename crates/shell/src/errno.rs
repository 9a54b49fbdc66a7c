//! Why a system call of a simulated process failed, in the words of the C library.

/// An error number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Errno {
    /// `EPERM`.
    #[error("Operation not permitted")]
    NotPermitted,
    /// `ENOENT`.
    #[error("No such file or directory")]
    NoEntry,
    /// `EIO`.
    #[error("I/O error")]
    Io,
    /// `EBADF`.
    #[error("Bad file descriptor")]
    BadDescriptor,
    /// `EAGAIN`, as `fork` says when there are too many processes.
    #[error("Resource temporarily unavailable")]
    Again,
    /// `ENOMEM`.
    #[error("Cannot allocate memory")]
    NoMemory,
    /// `EACCES`.
    #[error("Permission denied")]
    Denied,
    /// `EBUSY`.
    #[error("Device or resource busy")]
    Busy,
    /// `EEXIST`.
    #[error("File exists")]
    Exists,
    /// `EXDEV`.
    #[error("Invalid cross-device link")]
    OtherDevice,
    /// `ENOTDIR`.
    #[error("Not a directory")]
    NotDirectory,
    /// `EISDIR`.
    #[error("Is a directory")]
    IsDirectory,
    /// `EINVAL`.
    #[error("Invalid argument")]
    Invalid,
    /// `ENOSPC`.
    #[error("No space left on device")]
    NoSpace,
    /// `EROFS`.
    #[error("Read-only file system")]
    ReadOnly,
    /// `EPIPE`.
    #[error("Broken pipe")]
    BrokenPipe,
    /// `ENAMETOOLONG`.
    #[error("File name too long")]
    NameTooLong,
    /// `ENOTEMPTY`.
    #[error("Directory not empty")]
    NotEmpty,
    /// `ELOOP`.
    #[error("Too many levels of symbolic links")]
    Loop,
    /// `ENOEXEC`.
    #[error("Exec format error")]
    ExecFormat,
    /// `ECONNREFUSED`.
    #[error("Connection refused")]
    Refused,
    /// `ETIMEDOUT`.
    #[error("Connection timed out")]
    TimedOut,
    /// `EHOSTUNREACH`.
    #[error("No route to host")]
    NoRoute,
    /// `ENETUNREACH`.
    #[error("Network unreachable")]
    Unreachable,
}

impl From<crate::ConnectError> for Errno {
    fn from(error: crate::ConnectError) -> Self {
        match error {
            crate::ConnectError::Refused => Errno::Refused,
            crate::ConnectError::TimedOut => Errno::TimedOut,
            crate::ConnectError::NoRoute => Errno::NoRoute,
            crate::ConnectError::Unreachable => Errno::Unreachable,
        }
    }
}
