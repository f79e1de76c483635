pub struct Probe;
impl Probe {
    pub async fn look(&self, _w: &crate::release::Watch, at: jiff::Timestamp) -> crate::rollout::Look {
        crate::rollout::Look { at, metrics: Default::default() }
    }
}
