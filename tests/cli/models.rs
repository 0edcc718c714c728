//! `temblor models`.

use crate::program::temblor;

fn stdout(arguments: &[&str]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let output = temblor(folder.path(), arguments);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn refusal(arguments: &[&str]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let output = temblor(folder.path(), arguments);
    assert_eq!(output.status.code(), Some(2));
    String::from_utf8(output.stderr).unwrap()
}

#[test]
fn kinds_are_listed_a_line_each() {
    let text = stdout(&["models"]);
    let json: serde_json::Value = serde_json::from_str(&stdout(&["models", "--json"])).unwrap();
    assert_eq!(text.lines().count(), json.as_array().unwrap().len());
    for kind in ["mlp", "rnn", "gru", "lstm", "cnn1d", "nlinear", "cnn2d"] {
        assert!(text.lines().any(|line| line.split_whitespace().next() == Some(kind)), "{kind}");
    }
}

#[test]
fn summary_adds_up() {
    let arguments = ["models", "lstm", "--summary", "--input", "60x3", "--outputs", "21", "--json"];
    let json: serde_json::Value = serde_json::from_str(&stdout(&arguments)).unwrap();
    // 4·64·(3 + 64) + 2·4·64 in the recurrent layer, 64·21 + 21 in the last.
    assert_eq!(json["parameters"], 17_664 + 1_365);
    let layers = json["layers"].as_array().unwrap();
    let sum: u64 = layers.iter().map(|l| l["parameters"].as_u64().unwrap()).sum();
    assert_eq!(json["parameters"], sum);
    assert_eq!(layers[0]["output"], serde_json::json!([60, 64]));
}

#[test]
fn settings_come_back_as_they_are_printed() {
    let folder = tempfile::tempdir().unwrap();
    let printed = stdout(&["models", "cnn2d"]);
    std::fs::write(folder.path().join("a.toml"), format!("[model]\n{printed}")).unwrap();
    let again = temblor(folder.path(), &["models", "--settings", "a.toml"]);
    assert_eq!(String::from_utf8(again.stdout).unwrap(), printed);
}

#[test]
fn what_does_not_fit_is_refused_with_both_shapes() {
    assert!(refusal(&["models", "oracle"]).contains("mlp, rnn, gru, lstm"));
    let images = refusal(&["models", "lstm", "--summary", "--input", "3x8x8"]);
    assert!(images.contains("(N, 3, 8, 8)"), "{images}");
    let folder = tempfile::tempdir().unwrap();
    let article = "kind = \"cnn2d\"\nchannels = [32, 64]\npadding = \"valid\"\n\
                   batch_norm = false\nmax_pool = \"none\"\npooling = \"none\"\n\
                   initialisation = \"keras\"\ndropout = 0.0\n";
    std::fs::write(folder.path().join("article.toml"), article).unwrap();
    let arguments = [
        "models",
        "--settings",
        "article.toml",
        "--summary",
        "--input",
        "3x128x128",
        "--outputs",
        "10",
    ];
    let output = temblor(folder.path(), &arguments);
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(text.contains("(N,124,124,10)") && text.contains("(N,10)"), "{text}");
    std::fs::write(folder.path().join("typo.toml"), "kind = \"gru\"\nhiden = 3\n").unwrap();
    let output = temblor(folder.path(), &["models", "--settings", "typo.toml"]);
    assert!(String::from_utf8(output.stderr).unwrap().contains("hiden"));
}
