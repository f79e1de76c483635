use crate::expression::HostValues;

use super::super::Status;
use super::{Conductor, IllegalEvent};

impl Conductor {
    /// Asks for another status of the workflow (`request_workflow_status` of orquesta). Tasks with items hear of it too.
    ///
    /// # Errors
    /// The workflow cannot get there from where it is.
    pub fn request_status(&mut self, status: Status, host: &HostValues) -> Result<(), IllegalEvent> {
        self.begin(host);
        let current = self.status;
        let mut undo = Vec::new();
        for visit in self.sequence.active() {
            let event = self.request_event_for_task(visit, status);
            undo.push((visit, self.sequence.status(visit)));
            self.tell_task(visit, &event);
        }
        self.tell_workflow_request(status);

        // Asking twice to pause or to cancel is no fault while it is under way.
        let under_way = matches!(
            (status, current),
            (Status::Paused, Status::Pausing) | (Status::Canceled, Status::Canceling)
        );
        if self.status == current && status != current && !under_way {
            for (visit, status) in undo {
                self.sequence.set_status(visit, status);
            }
            return Err(IllegalEvent::StatusTransition {
                status: current,
                event: format!("workflow_{status}"),
            });
        }
        Ok(())
    }

    /// The workflow cannot go on: an expression or a setting of its own is at fault.
    pub(super) fn fail(&mut self, host: &HostValues) {
        // A workflow that is already over in another way stays so.
        let _ = self.request_status(Status::Failed, host);
    }
}
