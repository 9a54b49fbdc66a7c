//! Who may be at work at the same time. Checks run side by side, save that a trial of a quota takes the whole quota
//! for a moment: a command that creates something then would be refused because of us.

use std::time::Duration;

use tokio::sync::{RwLock, RwLockReadGuard, RwLockWriteGuard};
use tokio_util::sync::CancellationToken;

use crate::objects::unless_cancelled;
use crate::{Error, Spec};

static GROUND: RwLock<()> = RwLock::const_new(());

/// How long a trial lets the checks go first that start with it.
const COURTESY: Duration = Duration::from_millis(50);

/// The right to be at work, for as long as it is held.
pub(crate) enum Turn {
    /// The check only looks, and overlooks what trials create.
    Free,
    /// The check acts beside others.
    Beside { _guard: RwLockReadGuard<'static, ()> },
    /// The check acts alone.
    Alone { _guard: RwLockWriteGuard<'static, ()> },
}

/// Waits until a check may be at work.
pub(crate) async fn take(spec: &Spec, cancel: &CancellationToken) -> Result<Turn, Error> {
    match spec {
        Spec::CommandOutput(_) => {
            unless_cancelled(cancel, async { Ok(Turn::Beside { _guard: GROUND.read().await }) }).await
        }
        Spec::QuotaExhaustion(_) => {
            unless_cancelled(cancel, async {
                tokio::time::sleep(COURTESY).await;
                Ok(Turn::Alone { _guard: GROUND.write().await })
            })
            .await
        }
        Spec::KubernetesObject(_)
        | Spec::Condition(_)
        | Spec::FileContent(_)
        | Spec::HttpAnswer(_)
        | Spec::Question(_)
        | Spec::Observed(_) => Ok(Turn::Free),
    }
}
