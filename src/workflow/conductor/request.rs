use crate::expression::HostValues;

use super::super::Status;
use super::{Conductor, IllegalEvent};

impl Conductor {
    /// Asks for another status of the workflow (`request_workflow_status` of orquesta). Tasks with items hear of it
    /// too, and as in orquesta they do so even if the workflow refuses; [`Conductor::apply`] undoes that.
    ///
    /// # Errors
    /// The workflow cannot get there from where it is.
    pub fn request_status(&mut self, status: Status, host: &HostValues) -> Result<(), IllegalEvent> {
        self.begin(host);
        let current = self.status;
        for visit in self.sequence.active() {
            let event = self.request_event_for_task(visit, status);
            self.tell_task(visit, &event);
        }
        self.tell_workflow_request(status);

        // Asking twice to pause or to cancel is no fault while it is under way.
        let under_way = matches!(
            (status, current),
            (Status::Paused, Status::Pausing) | (Status::Canceled, Status::Canceling)
        );
        if self.status == current && status != current && !under_way {
            return Err(IllegalEvent::StatusTransition {
                status: current,
                event: format!("workflow_{status}"),
            });
        }
        Ok(())
    }

    /// The same, but a refusal changes nothing.
    pub(super) fn request_status_or_nothing(
        &mut self,
        status: Status,
        host: &HostValues,
    ) -> Result<(), IllegalEvent> {
        let before: Vec<_> =
            self.sequence.active().into_iter().map(|visit| (visit, self.sequence.status(visit))).collect();
        self.request_status(status, host).inspect_err(|_| {
            for (visit, status) in before {
                self.sequence.set_status(visit, status);
            }
        })
    }

    /// The workflow cannot go on: an expression or a setting of its own is at fault.
    pub(super) fn fail(&mut self, host: &HostValues) {
        // A workflow that is already over in another way stays so.
        let _ = self.request_status(Status::Failed, host);
    }
}
