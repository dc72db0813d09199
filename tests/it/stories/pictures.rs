//! Stories of pictures: every picture is kept, a hostile one costs little, and one content is decoded once.

use std::process::{Command, Stdio};

use simulator::{Fault, FaultKind, Stamp, Target};

use crate::support::{
    Engine, Plan, World,
    definitions::with_stamped,
    figures,
    files::{form, pdf, stamped, world_with_stamped},
    pictures::{packed_zeros, page_of_loops, page_with_huge_picture, peak_memory, profiled_png, red_page, scan},
    process::House,
    story,
    world::tries_once,
};

story!(a_scan_and_a_pdf_have_thumbnails_of_their_first_page, async |engine: Engine| {
    let world = world_with_stamped(engine).await;
    let (flow, ..) = world.seal_use(1).await;
    let wang = world.caller("wang").await;
    let files = [("扫描.tif", scan(400, 200)), ("合同.pdf", red_page())];
    let documents = wang.bring(&stamped(&flow), form(files)).await.expect(201);
    for (document, (width, height), size) in [(&documents[0], (256, 128), 256), (&documents[1], (181, 256), 256)] {
        let path = format!("/api/documents/{}/thumbnail/{size}", document["id"].as_str().unwrap());
        let thumbnail = wang.get(&path).await;
        assert_eq!(thumbnail.status, 200, "{}", String::from_utf8_lossy(&thumbnail.bytes));
        let shown = image_of(&thumbnail.bytes);
        assert_eq!(shown.dimensions(), (width, height));
        let [red, green, blue] = shown.get_pixel(10, 10).0;
        assert!(red > 200 && green < 60 && blue < 60, "{red} {green} {blue}");
    }
    assert_eq!((&documents[0]["width"], &documents[0]["height"]), (&400.into(), &200.into()));
});

story!(a_page_that_cannot_be_rendered_is_kept_with_the_reason, async |engine: Engine| {
    let world = world_with_stamped(engine).await;
    let (flow, ..) = world.seal_use(1).await;
    let wang = world.caller("wang").await;
    let scan = scan(64, 48);
    let files = [("a.pdf", pdf("no page")), ("b.tif", scan[..scan.len() / 2].to_vec())];
    let documents = wang.bring(&stamped(&flow), form(files.clone())).await.expect(201);
    for (document, (_, bytes)) in documents.as_array().unwrap().iter().zip(&files) {
        let path = format!("/api/documents/{}", document["id"].as_str().unwrap());
        let problem = wang.get(&format!("{path}/thumbnail/256")).await.expect_problem(404, "no_thumbnail");
        let detail = problem["detail"].as_str().unwrap();
        assert!(detail.starts_with("the picture is broken: "), "{detail}");
        assert_eq!(wang.get(&format!("{path}/content")).await.bytes, bytes[..]);
    }
});

story!(a_page_that_is_not_rendered_now_is_rendered_when_it_is_asked_for, async |engine: Engine| {
    fn without_program(config: &mut yinku::config::Config) {
        config.thumbnail.page_program = Some(config.data_dir.join("yinku"));
    }
    let plan = Plan { config: Some(without_program), definition: Some(with_stamped), ..Plan::default() };
    let world = World::new(engine, plan).await;
    let (flow, ..) = world.seal_use(1).await;
    let wang = world.caller("wang").await;
    let documents = wang.bring(&stamped(&flow), form([("合同.pdf", red_page())])).await.expect(201);
    let path = format!("/api/documents/{}/thumbnail/256", documents[0]["id"].as_str().unwrap());
    wang.get(&path).await.expect_problem(500, "internal");
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_yinku"), world.app.config.data_dir.join("yinku")).unwrap();
    assert_eq!(wang.get(&path).await.status, 200);
});

story!(photos_of_one_new_content_are_decoded_once, async |engine: Engine| {
    let world = World::new(engine, Plan { config: Some(tries_once), ..Plan::default() }).await;
    let (flow, seal_use, business) = world.seal_use(5).await;
    // The pass that gets through finds all five at once.
    world.sim.set_fault(Fault::always(Target::Detail, FaultKind::Status { status: 502 }));
    let first = world.sim.stamp(&business, 0).await.unwrap();
    for _ in 0..4 {
        let same = Stamp { same_as: Some(first.clone()), ..Stamp::default() };
        world.sim.stamp_with(&business, 0, &same).await.unwrap();
    }
    world.sim.clear_faults();
    world.until_archived(&flow).await;
    assert_eq!(world.photos(&seal_use.id).await.len(), 5);
    assert_eq!(world.count("SELECT COUNT(*) FROM originals").await, 1);
    assert_eq!(world.app.metrics.photos_stored.get(), 1, "the bytes are put once");
    assert_eq!(world.app.metrics.thumbnails_made.get(), 2, "one thumbnail of each size");
});

story!(uploads_of_one_new_content_at_once_are_decoded_once, async |engine: Engine| {
    let world = world_with_stamped(engine).await;
    let (flow, ..) = world.seal_use(1).await;
    let (wang, path, scan) = (world.caller("wang").await, stamped(&flow), scan(400, 200));
    let upload = async || wang.bring(&path, form([("扫描.tif", scan.clone())])).await.expect(201);
    let documents = futures::future::join_all((0..4).map(|_| upload())).await;
    assert_eq!(documents.len(), 4);
    assert_eq!(world.app.metrics.thumbnails_made.get(), 2, "one thumbnail of each size");
    assert_eq!(crate::support::files::staging(&world), 0);
});

story!(pictures_with_heavy_metadata_cost_little_memory, async |engine: Engine| {
    let house = House::build(engine, Some(with_stamped)).await;
    let process = house.serve(None);
    let (flow, _) = house.applied_flow(1).await;
    let profile = packed_zeros(400);
    let (wang, admin) = (house.caller("wang").await, house.caller("admin").await);
    // One user may have four uploads at once.
    let bring = async |shade: u8| {
        let picture = profiled_png(shade, &profile);
        let person = if shade.is_multiple_of(2) { &wang } else { &admin };
        let document = person.bring(&stamped(&flow), form([("章.png", picture)])).await.expect(201)[0].clone();
        let path = format!("/api/documents/{}/thumbnail/256", document["id"].as_str().unwrap());
        assert_eq!(image_of(&wang.get(&path).await.bytes).dimensions(), (64, 48));
    };
    // An upload without metadata first, so that what every upload takes is not counted.
    wang.bring(&stamped(&flow), form([("a.png", crate::support::files::png(1))])).await.expect(201);
    let before = peak_memory(process.id().unwrap());
    futures::future::join_all((1..=8).map(bring)).await;
    let after = peak_memory(process.id().unwrap());
    figures::note("eight profiles of 400 MiB at once", &format!("{} MiB more", (after - before) >> 20));
    assert!(after - before < 64 << 20, "eight profiles of 400 MiB took {} bytes", after - before);
    house.retire(process).await;
});

/// The program that renders a page keeps its limits by itself.
#[test]
fn a_page_that_never_ends_or_takes_all_memory_ends_its_process() {
    let render = |bytes: Vec<u8>, memory: &str, seconds: &str| {
        let mut child = Command::new(env!("CARGO_BIN_EXE_yinku"))
            .args(["render-page", "--kind=pdf", "--edge=256", "--max-pixels=100000000"])
            .args(["--memory", memory, "--cpu-seconds", seconds])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        std::io::Write::write_all(&mut child.stdin.take().unwrap(), &bytes).unwrap();
        child.wait_with_output().unwrap()
    };
    let good = render(red_page(), "400000000", "20");
    assert!(good.status.success() && good.stdout.len() == 8 + 181 * 256 * 3, "{good:?}");
    let slow = render(page_of_loops(), "400000000", "1");
    assert_eq!(std::os::unix::process::ExitStatusExt::signal(&slow.status), Some(9), "{slow:?}");
    let starved = render(page_with_huge_picture(), "60000000", "20");
    assert_eq!(std::os::unix::process::ExitStatusExt::signal(&starved.status), Some(6), "{starved:?}");
    assert!(starved.stdout.is_empty());
}

fn image_of(jpeg: &[u8]) -> image::RgbImage {
    let image = turbojpeg::decompress(jpeg, turbojpeg::PixelFormat::RGB).unwrap();
    let (width, height) = (u32::try_from(image.width).unwrap(), u32::try_from(image.height).unwrap());
    image::RgbImage::from_raw(width, height, image.pixels).unwrap()
}
