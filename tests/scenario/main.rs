//! The whole product, from the built binary, on the embedded cloud: every scenario starts in an
//! empty folder and closes (an empty plan, or an empty cloud).

mod absence;
mod aws;
mod bad_input;
mod clocks;
mod cluster_token;
mod crash;
mod emptied;
mod environments;
mod faults;
mod ingress;
mod inputs;
mod interrupt;
mod join_secrets;
mod lab;
mod names;
mod not_ours;
mod plans;
mod private;
mod prompt;
mod proxy;
mod quickstart;
mod quorum;
mod refusals;
mod remote;
mod replaced;
mod rotate;
mod scale;
mod strangers;
mod systems;
mod terminal;
mod texts;
mod validator;
mod versions;
mod zones;
