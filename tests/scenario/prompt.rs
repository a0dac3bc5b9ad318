//! Questions on a terminal.

use super::lab::{Config, ctrl_c_at_the_question};

#[test]
fn one_ctrl_c_at_the_question_ends_the_run() {
    let lab = Config { control_planes: 1, workers: 1 }.lab();
    let Some(ran) = ctrl_c_at_the_question(&lab.command(&["apply"])) else { return };
    ran.expect(130).says("nothing was changed");
    lab.inventory().assert_empty();
    lab.run(&["apply", "--yes", "--phase", "infra"]).ok();
    let made = lab.inventory();
    for words in [&["destroy"][..], &["rotate-node", "worker-1"]] {
        let Some(ran) = ctrl_c_at_the_question(&lab.command(words)) else { return };
        assert!(ran.code == Some(130) || words[0] == "rotate-node", "{ran}");
    }
    assert_eq!(lab.inventory().ids(), made.ids());
    lab.run(&["destroy", "--yes"]).ok();
    lab.inventory().assert_empty();
}
