//! The loop as a whole, on a tiny regression.

#[cfg(test)]
mod tests {

    use rand::{Rng as _, SeedableRng};
    use tch::nn::VarStore;
    use tch::{Device, Kind, Tensor};

    use std::time::Instant;

    use crate::data::{Batch, Dataset};
    use crate::data::{ExampleSpec, Layout, Rng, Slot, Subset, Target};
    use crate::error::Result;
    use crate::model::{Input, Loss, Network};
    use crate::model::{Mode, Model, Task};
    use crate::train::{Report, RunFolder, TrainSettings, Trainer, evaluate};

    /// `y = 2·x₀ − x₁ + noise`; example 0 of every eight is unobserved where `holes`.
    struct Line {
        count: usize,
        holes: bool,
        poison: Option<usize>,
    }

    fn line(count: usize) -> Line {
        Line { count, holes: false, poison: None }
    }

    impl Dataset for Line {
        fn len(&self) -> usize {
            self.count
        }

        fn spec(&self) -> ExampleSpec {
            ExampleSpec {
                layout: Layout::Series,
                values: vec![1, 2],
                features: 0,
                lengths: false,
                target: Target::Levels { horizons: 1 },
            }
        }

        fn group(&self, example: usize) -> usize {
            example
        }

        fn name(&self, example: usize) -> String {
            format!("row {example}")
        }

        fn write(&self, example: usize, _: &mut Rng, slot: Slot<'_>) -> Result<()> {
            let mut rng = Rng::seed_from_u64(example as u64);
            let mut draw = || rng.next_u32() as f32 / u32::MAX as f32 - 0.5;
            slot.values.copy_from_slice(&[draw(), draw()]);
            slot.target[0] = 2.0 * slot.values[0] - slot.values[1] + 0.1 * draw();
            if self.holes && example.is_multiple_of(8) {
                slot.observed[0] = 0.0;
                slot.target[0] = 1e6;
            }
            if self.poison == Some(example) {
                slot.values[0] = f32::NAN;
            }
            Ok(())
        }
    }

    struct Linear {
        weight: Tensor,
        bias: Tensor,
    }

    impl Network for Linear {
        fn forward(&self, input: &Input<'_>, mode: Mode<'_>) -> Tensor {
            let flat = input.values.flatten(1, -1);
            let flat = match mode {
                Mode::Train(dropout) => &flat * dropout.mask(&flat.size(), 0.1, &flat),
                Mode::Evaluate | Mode::Sample(_) => flat,
            };
            flat.matmul(&self.weight) + &self.bias
        }
    }

    fn model() -> Model {
        let parameters = VarStore::new(Device::Cpu);
        let root = parameters.root();
        let weight = root.var_copy("weight", &Tensor::from_slice(&[0.3f32, 0.1]).view([2, 1]));
        let bias = root.var_copy("bias", &Tensor::from_slice(&[0.2f32]));
        Model { parameters, network: Box::new(Linear { weight, bias }) }
    }

    /// Mean squared error over observed targets.
    struct Squares;

    impl Task for Squares {
        fn outputs(&self) -> usize {
            1
        }

        fn loss(&self, output: &Tensor, batch: &Batch) -> Loss {
            let weight = &batch.observed * batch.weight.unsqueeze(1);
            let sum = ((output - &batch.target).square() * &weight).sum(Kind::Float);
            Loss { sum, weight: weight.sum(Kind::Float) }
        }

        fn decode(&self, output: &Tensor) -> Tensor {
            output.shallow_clone()
        }
    }

    fn weights(model: &Model) -> Vec<u32> {
        let mut named: Vec<_> = model.parameters.variables().into_iter().collect();
        named.sort_by(|a, b| a.0.cmp(&b.0));
        let numbers = |t: &Tensor| Vec::<f32>::try_from(t.flatten(0, -1)).unwrap();
        named.iter().flat_map(|(_, t)| numbers(t)).map(f32::to_bits).collect()
    }

    fn settings() -> TrainSettings {
        TrainSettings { epochs: 3, batch_size: 8, learning_rate: 0.05, ..TrainSettings::default() }
    }

    fn fit(settings: &TrainSettings, train: &Line, valid: Option<&dyn Dataset>) -> (Model, Report) {
        let mut model = model();
        let report =
            Trainer::new(settings).titled(None).fit(&mut model, &Squares, train, valid).unwrap();
        (model, report)
    }

    #[test]
    fn learns_and_repeats_bit_for_bit_with_any_number_of_loader_threads() {
        let (data, valid) = (line(100), line(40));
        let (reference, report) = fit(&settings(), &data, Some(&valid));
        assert!(report.epochs[2].train_loss < 0.5 * report.epochs[0].train_loss);
        assert_eq!(report.steps, 39);
        for loader_threads in [0, 1, 2, 5] {
            let settings = TrainSettings { loader_threads, ..settings() };
            let (again, same) = fit(&settings, &data, Some(&valid));
            assert_eq!(weights(&again), weights(&reference));
            assert_eq!(same.epochs[2].train_loss.to_bits(), report.epochs[2].train_loss.to_bits());
        }
        let (other, _) = fit(&TrainSettings { seed: 1, ..settings() }, &data, Some(&valid));
        assert_ne!(weights(&other), weights(&reference));
    }

    #[test]
    fn unobserved_targets_contribute_nothing() {
        let holes = Line { holes: true, ..line(64) };
        let seen: Vec<usize> = (0..64usize).filter(|e| !e.is_multiple_of(8)).collect();
        // One batch an epoch and no dropout noise to compare: evaluate losses and gradients instead.
        let with = evaluate(&model(), &Squares, &holes, 64).unwrap();
        let data = line(64);
        let without = evaluate(&model(), &Squares, &Subset::new(&data, seen), 64).unwrap();
        assert!((with.mean_loss() - without.mean_loss()).abs() < 1e-6);
        let (_, report) = fit(&settings(), &holes, None);
        assert!(report.epochs.iter().all(|e| e.train_loss < 10.0));
    }

    #[test]
    fn non_finite_loss_names_the_rows() {
        let data = Line { poison: Some(5), ..line(16) };
        let settings = settings();
        let error = Trainer::new(&settings)
            .titled(None)
            .fit(&mut model(), &Squares, &data, None)
            .unwrap_err()
            .to_string();
        assert!(error.contains("row 5") && error.contains("NaN"), "{error}");
    }

    #[test]
    fn stops_early_and_keeps_the_best_weights() {
        // Validation on the negated relation: the better the fit, the worse the validation.
        struct Opposite(Line);
        impl Dataset for Opposite {
            fn len(&self) -> usize {
                self.0.len()
            }
            fn spec(&self) -> ExampleSpec {
                self.0.spec()
            }
            fn group(&self, example: usize) -> usize {
                self.0.group(example)
            }
            fn name(&self, example: usize) -> String {
                self.0.name(example)
            }
            fn write(&self, example: usize, rng: &mut Rng, slot: Slot<'_>) -> Result<()> {
                let mut target = [0.0];
                self.0.write(example, rng, Slot { target: &mut target, ..slot })?;
                slot.target[0] = -target[0];
                Ok(())
            }
        }
        let settings = TrainSettings { epochs: 20, patience: Some(3), ..settings() };
        let valid = Opposite(line(40));
        let (model, report) = fit(&settings, &line(100), Some(&valid));
        assert!(report.stopped_early);
        assert_eq!(report.kept_epoch, 1);
        assert_eq!(report.epochs.len(), 4);
        let kept = evaluate(&model, &Squares, &valid, 8).unwrap().mean_loss();
        assert_eq!(Some(kept), report.best_valid_loss);
        assert_eq!(Some(kept), report.epochs[0].valid_loss);
    }

    #[test]
    fn gathered_batches_equal_a_large_one() {
        // Without dropout and with unequal weights by holes, so that a mean of means would differ.
        struct Still(Linear);
        impl Network for Still {
            fn forward(&self, input: &Input<'_>, _: Mode<'_>) -> Tensor {
                self.0.forward(input, Mode::Evaluate)
            }
        }
        let data = Line { holes: true, ..line(64) };
        let train = |batch_size: usize, accumulate: usize| {
            let parameters = VarStore::new(Device::Cpu);
            let root = parameters.root();
            let weight = root.var_copy("weight", &Tensor::from_slice(&[0.3f32, 0.1]).view([2, 1]));
            let bias = root.var_copy("bias", &Tensor::from_slice(&[0.2f32]));
            let mut model = Model { parameters, network: Box::new(Still(Linear { weight, bias })) };
            let settings = TrainSettings { batch_size, accumulate, ..settings() };
            Trainer::new(&settings).titled(None).fit(&mut model, &Squares, &data, None).unwrap();
            weights(&model).into_iter().map(f32::from_bits).collect::<Vec<f32>>()
        };
        for (small, large) in train(8, 4).iter().zip(train(32, 1)) {
            assert!((small - large).abs() < 1e-5, "{small} {large}");
        }
    }

    #[test]
    fn seeds_train_side_by_side_as_alone() {
        let data = line(100);
        let train = |seed: u64| {
            let settings = TrainSettings { seed, ..settings() };
            Ok(weights(&fit(&settings, &data, None).0))
        };
        let together = crate::train::for_each_seed(&[3, 4, 5], train).unwrap();
        assert_eq!(together[1], train(4).unwrap());
        assert_ne!(together[0], together[1]);
    }

    /// Settings that use every part of the state: accumulation, average, plateau, patience.
    fn long_settings() -> TrainSettings {
        TrainSettings {
            epochs: 6,
            accumulate: 2,
            weight_average: Some(0.9),
            patience: Some(100),
            clip_norm: Some(1.0),
            schedule: crate::train::Schedule::Plateau(crate::train::Plateau {
                patience: 0,
                factor: 0.5,
                ..Default::default()
            }),
            checkpoint_seconds: 0.0,
            ..settings()
        }
    }

    fn fit_in(folder: &RunFolder, data: &dyn Dataset) -> Result<Report> {
        let settings = long_settings();
        let trainer = Trainer::new(&settings).titled(None).in_folder(folder);
        trainer.fit(&mut model(), &Squares, data, Some(&line(40)))
    }

    /// A dataset slow enough to be killed in the middle.
    struct Slow(Line);

    impl Dataset for Slow {
        fn len(&self) -> usize {
            self.0.len()
        }
        fn spec(&self) -> ExampleSpec {
            self.0.spec()
        }
        fn group(&self, example: usize) -> usize {
            self.0.group(example)
        }
        fn name(&self, example: usize) -> String {
            self.0.name(example)
        }
        fn write(&self, example: usize, rng: &mut Rng, slot: Slot<'_>) -> Result<()> {
            std::thread::sleep(std::time::Duration::from_millis(2));
            self.0.write(example, rng, slot)
        }
    }

    /// Runs in a process of its own, to be killed: see below.
    #[test]
    #[ignore = "trains for the test that kills it"]
    fn child_that_is_killed() {
        if let Some(path) = std::env::var_os("TEMBLOR_TEST_RUN") {
            let folder = RunFolder::create(std::path::Path::new(&path), false).unwrap();
            folder.write_settings(&long_settings()).unwrap();
            fit_in(&folder, &Slow(line(100))).unwrap();
        }
    }

    #[test]
    fn killed_and_resumed_equals_never_stopped() {
        let place = tempfile::tempdir().unwrap();
        let whole = RunFolder::create(&place.path().join("whole"), false).unwrap();
        let reference = fit_in(&whole, &line(100)).unwrap();
        for (trial, pause) in [("first", 0), ("second", 7)] {
            let path = place.path().join(trial);
            let mut child = std::process::Command::new(std::env::current_exe().unwrap())
                .args(["--exact", "train::trainer_tests::tests::child_that_is_killed", "--ignored"])
                .env("TEMBLOR_TEST_RUN", &path)
                .stdout(std::process::Stdio::null())
                .spawn()
                .unwrap();
            let latest = path.join("checkpoint/latest.json");
            let started = Instant::now();
            loop {
                assert!(started.elapsed().as_secs() < 60, "the child does not train");
                let text = std::fs::read_to_string(&latest).unwrap_or_default();
                let state: serde_json::Value = serde_json::from_str(&text).unwrap_or_default();
                if state["epoch"].as_u64() >= Some(2) && state["batch"].as_u64() >= Some(3) {
                    break;
                }
                std::thread::sleep(std::time::Duration::from_millis(1));
            }
            std::thread::sleep(std::time::Duration::from_millis(pause));
            child.kill().unwrap();
            child.wait().unwrap();
            let folder = RunFolder::open(&path).unwrap();
            assert!(!folder.is_finished() && latest.is_file());
            let report = fit_in(&folder, &line(100)).unwrap();
            let bytes = |f: &RunFolder| std::fs::read(f.file("model.safetensors")).unwrap();
            assert_eq!(bytes(&folder), bytes(&whole));
            let losses = |r: &Report| -> Vec<_> {
                r.epochs.iter().map(|e| (e.train_loss, e.valid_loss, e.gradient_norm)).collect()
            };
            assert_eq!(losses(&report), losses(&reference));
            assert!(!folder.file("checkpoint").exists());
            let lines = std::fs::read_to_string(folder.file("history.jsonl")).unwrap();
            assert_eq!(lines.lines().count(), 6);
        }
    }

    #[test]
    fn checkpoint_of_other_settings_is_refused() {
        let place = tempfile::tempdir().unwrap();
        let folder = RunFolder::create(&place.path().join("run"), false).unwrap();
        let data = Line { poison: Some(5), ..line(16) };
        assert!(fit_in(&folder, &data).is_err());
        assert!(folder.file("checkpoint/latest.json").is_file());
        let other = TrainSettings { learning_rate: 0.01, ..long_settings() };
        let error = Trainer::new(&other)
            .titled(None)
            .in_folder(&folder)
            .fit(&mut model(), &Squares, &line(16), Some(&line(40)))
            .unwrap_err();
        assert!(error.to_string().contains("other settings"), "{error}");
    }

    #[test]
    fn model_without_trainable_parameters_is_refused() {
        let parameters = VarStore::new(Device::Cpu);
        let weight = parameters.root().zeros_no_train("weight", &[2, 1]);
        let bias = weight.get(0);
        let mut model = Model { parameters, network: Box::new(Linear { weight, bias }) };
        let settings = settings();
        let fit = Trainer::new(&settings).titled(None).fit(&mut model, &Squares, &line(8), None);
        assert!(fit.unwrap_err().to_string().contains("no trainable parameter"));
    }

    #[test]
    fn predictions_do_not_depend_on_the_batch_size() {
        let (model, _) = fit(&settings(), &line(100), None);
        let predict = |batch_size| {
            let all = crate::train::predict(&model, &Squares, &line(33), batch_size).unwrap();
            Vec::<f32>::try_from(all.flatten(0, -1)).unwrap()
        };
        assert_eq!(predict(33).len(), 33);
        for (one, many) in predict(1).iter().zip(predict(33)) {
            assert!((one - many).abs() < 1e-6);
        }
    }

    #[test]
    fn spared_biases_do_not_decay() {
        let decay = |spare_biases| {
            let settings =
                TrainSettings { weight_decay: 10.0, spare_biases, epochs: 1, ..settings() };
            let model = fit(&settings, &line(100), None).0;
            let all = model.parameters.variables();
            (all["weight"].abs().max().double_value(&[]), all["bias"].double_value(&[0]))
        };
        let ((weight, bias), (spared_weight, spared_bias)) = (decay(false), decay(true));
        assert_ne!(bias, spared_bias);
        assert!((weight - spared_weight).abs() < 0.1);
    }
}
