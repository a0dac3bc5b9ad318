//! What cannot work is said in one message, before anything is made.

use super::lab::{AwsLab, Config};

fn with(settings: &'static str) -> Option<AwsLab> {
    AwsLab::of(&Config { settings, ..Config::default() })
}

#[test]
fn what_aws_does_not_have_is_said_at_plan() {
    let Some(lab) = with("zones = [\"a\", \"z\"]") else { return };
    lab.infra(&["plan"]).expect(3).warns("the account has no zone `eu-central-1z`");
    let toml = lab.lab.read("infra.toml").replace("[\"a\", \"z\"]", "[\"a\"]");
    lab.lab.write("infra.toml", &toml.replace("t3.medium", "t3.mediun"));
    let plan = lab.infra(&["plan"]).expect(3);
    plan.warns("the type `t3.mediun` does not exist in eu-central-1").warns("did you mean `t3.medium`?");
    lab.lab.write("infra.toml", &toml.replace("ubuntu-*", "nothing-*"));
    lab.infra(&["plan"]).expect(3).warns("does not exist in eu-central-1");
}

#[test]
fn the_wrong_account_and_no_account_at_all() {
    let Some(lab) = with("account = \"999999999999\"") else { return };
    let before = lab.inventory();
    let wrong = lab.infra(&["apply", "--yes"]).expect(4);
    wrong.warns("infra.toml wants 999999999999");
    let mut bare = lab.command(&["plan"]);
    bare.env_remove("AWS_ACCESS_KEY_ID").env_remove("AWS_SECRET_ACCESS_KEY");
    crate::lab::Ran::of(&mut bare).expect(4).warns("no credentials").warns("AWS_PROFILE");
    assert_eq!(super::lab::more(&before, &lab.inventory()), Vec::<String>::new());
}
