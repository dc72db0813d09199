//! Pictures and pages that are more than a few pixels: scans, PDFs, and what hostile senders make.

use std::io::{Cursor, Write};

use tiff::encoder::{Compression, TiffEncoder, colortype};

/// A red page as offices scan it: LZW, in strips.
pub(crate) fn scan(width: u32, height: u32) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    let mut encoder = TiffEncoder::new(&mut bytes).unwrap().with_compression(Compression::Lzw);
    let red = [230, 20, 20].repeat(usize::try_from(width * height).unwrap());
    encoder.write_image::<colortype::RGB8>(width, height, &red).unwrap();
    bytes.into_inner()
}

/// A page in A4, red all over.
pub(crate) fn red_page() -> Vec<u8> {
    one_page("0.9 0.1 0.1 rg 0 0 595 842 re f", "", &[])
}

/// A page whose content draws a form of forms of forms: 10 to the power of 20 rectangles.
pub(crate) fn page_of_loops() -> Vec<u8> {
    let forms: Vec<Vec<u8>> = (0..20)
        .map(|n| {
            let content = if n == 19 { "0 0 9 9 re f".to_owned() } else { "/F Do ".repeat(10) };
            let next = format!("/Resources << /XObject << /F {} 0 R >> >>", 6 + n);
            stream(&format!("/Type /XObject /Subtype /Form /BBox [0 0 595 842] {next}"), content.as_bytes())
        })
        .collect();
    one_page("/F Do", "/Resources << /XObject << /F 5 0 R >> >>", &forms)
}

/// A page with a picture of 6,000 × 6,000 pixels, which packs to a few bytes.
pub(crate) fn page_with_huge_picture() -> Vec<u8> {
    let mut packer = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
    let block = vec![0; 6_000 * 3];
    (0..6_000).for_each(|_| packer.write_all(&block).unwrap());
    let dict = "/Type /XObject /Subtype /Image /Width 6000 /Height 6000 /ColorSpace /DeviceRGB /BitsPerComponent 8 /Filter /FlateDecode";
    let picture = stream(dict, &packer.finish().unwrap());
    one_page("595 0 0 842 0 0 cm /F Do", "/Resources << /XObject << /F 5 0 R >> >>", &[picture])
}

fn stream(dict: &str, content: &[u8]) -> Vec<u8> {
    [format!("<< {dict} /Length {} >>\nstream\n", content.len()).as_bytes(), content, b"\nendstream"].concat()
}

/// A PDF of one page. `more` are the objects from number 5 on.
fn one_page(content: &str, resources: &str, more: &[Vec<u8>]) -> Vec<u8> {
    let page = format!("<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R {resources} >>");
    let objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>".to_vec(),
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>".to_vec(),
        page.into_bytes(),
        stream("", content.as_bytes()),
    ];
    let mut pdf = b"%PDF-1.7\n".to_vec();
    for (n, object) in objects.iter().chain(more).enumerate() {
        pdf.extend(format!("{} 0 obj\n", n + 1).into_bytes());
        pdf.extend(object);
        pdf.extend(b"\nendobj\n");
    }
    pdf.extend(b"trailer\n<< /Root 1 0 R >>\n%%EOF\n");
    pdf
}

/// So many MiB of zeros, packed.
pub(crate) fn packed_zeros(mebibytes: usize) -> Vec<u8> {
    let mut packer = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
    let block = vec![0; 1 << 20];
    (0..mebibytes).for_each(|_| packer.write_all(&block).unwrap());
    packer.finish().unwrap()
}

/// A PNG of 64 × 48 pixels with this packed colour profile. Each shade is another picture.
pub(crate) fn profiled_png(shade: u8, profile: &[u8]) -> Vec<u8> {
    with_chunk(shade, &[b"iCCPicc\0\0".as_slice(), profile].concat())
}

/// The most resident memory that a process has had.
pub(crate) fn peak_memory(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB")).unwrap();
    peak.parse::<u64>().unwrap() * 1024
}

/// A picture as a phone takes it in Shanghai: its model, its time and its place stand in it.
pub(crate) fn photographed() -> Vec<u8> {
    const OFFSET: usize = 8;
    let field = |tag: u16, kind: u16, count: u32, value: [u8; 4]| {
        [&tag.to_be_bytes()[..], &kind.to_be_bytes(), &count.to_be_bytes(), &value].concat()
    };
    let at = |place: usize| u32::try_from(place).unwrap().to_be_bytes();
    let fractions = |values: [u32; 3]| {
        values.into_iter().flat_map(|value| [value.to_be_bytes(), 1_u32.to_be_bytes()].concat()).collect::<Vec<u8>>()
    };
    // Three directories one behind the other, then what they point to.
    let (first, exif) = (OFFSET, OFFSET + 2 + 3 * 12 + 4);
    let gps = exif + 2 + 12 + 4;
    let taken = gps + 2 + 4 * 12 + 4;
    let (latitude, longitude) = (taken + 20, taken + 44);
    let mut tiff = [b"MM\0\x2a".to_vec(), at(first).to_vec()].concat();
    tiff.extend([0, 3]);
    tiff.extend(field(0x0110, 2, 4, *b"P9\0\0"));
    tiff.extend(field(0x8769, 4, 1, at(exif)));
    tiff.extend(field(0x8825, 4, 1, at(gps)));
    tiff.extend([0; 4]);
    tiff.extend([0, 1]);
    tiff.extend(field(0x9003, 2, 20, at(taken)));
    tiff.extend([0; 4]);
    tiff.extend([0, 4]);
    tiff.extend(field(1, 2, 2, *b"N\0\0\0"));
    tiff.extend(field(2, 5, 3, at(latitude)));
    tiff.extend(field(3, 2, 2, *b"E\0\0\0"));
    tiff.extend(field(4, 5, 3, at(longitude)));
    tiff.extend([0; 4]);
    assert_eq!(tiff.len(), taken);
    tiff.extend(b"2026:03:02 10:11:12\0");
    tiff.extend(fractions([31, 15, 0]));
    tiff.extend(fractions([121, 30, 0]));
    with_chunk(200, &[b"eXIf".to_vec(), tiff].concat())
}

/// A PNG of 64 × 48 pixels with this chunk, of which the name and the content are given.
fn with_chunk(shade: u8, named: &[u8]) -> Vec<u8> {
    let mut png = Vec::new();
    let picture = image::RgbImage::from_pixel(64, 48, image::Rgb([shade, 10, 20]));
    picture.write_to(&mut Cursor::new(&mut png), image::ImageFormat::Png).unwrap();
    let length = u32::try_from(named.len() - 4).unwrap().to_be_bytes();
    let chunk = [&length, named, &crc32fast::hash(named).to_be_bytes()].concat();
    // After the signature and the header.
    [&png[..33], &chunk, &png[33..]].concat()
}
