//! Alerts: from an event to a message in the channel, and everything that can go wrong on the way.

mod alarms;
mod any_input;
mod aws;
mod delivery;
mod formats;
mod forum;
mod goldens;
mod hanging;
mod headline;
mod injection;
mod judgement;
mod kinds;
mod limits;
mod no_loss;
mod parsing;
mod posting;
mod refusal;
mod rejection;
mod sample;
mod signs_of_life;
mod stage;
mod stand_in;
mod state;
mod watch;
mod wiring;
